"""What a project does: hold a state, be filled, forget and show itself."""
