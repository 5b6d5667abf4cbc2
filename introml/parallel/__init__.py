"""Training on several ranks: processes that talk through torch.distributed."""
