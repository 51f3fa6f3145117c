"""What players answered about explanations: read, summarised, and written beside an export."""
