"""Training in several processes: of this machine or of a cluster, replicated or sharded."""
