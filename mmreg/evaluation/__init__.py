"""What the reader is asked to believe: measures of recognition and of coefficients."""
