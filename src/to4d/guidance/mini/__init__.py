"""The embedded image-to-video prior: network, latent codec, tokens and weights (`prior.MiniPrior`)."""
