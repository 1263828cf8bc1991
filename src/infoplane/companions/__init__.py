"""What is asked beside a layer's information: the bottleneck curve, conditional information, clusters."""
