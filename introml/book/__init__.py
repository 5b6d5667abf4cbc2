"""What pages are made with: data, facts, recordings, style, and numbers for the prose."""
