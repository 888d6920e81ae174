"""What the field uses today, set up as well as we know how on the common problem."""
