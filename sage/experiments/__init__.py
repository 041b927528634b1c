"""The notebooks' questions, asked of the machinery below."""
