"""Federation: nodes that train their own networks, and average them now and then."""
