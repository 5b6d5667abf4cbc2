"""Training on several ranks: processes that talk through torch.distributed, on one machine or many."""
