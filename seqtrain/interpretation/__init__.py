"""What a network makes of its input: step by step, with its gates and its gradients."""
