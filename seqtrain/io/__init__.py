"""Files: opened with care, written whole, read with every defect told."""
