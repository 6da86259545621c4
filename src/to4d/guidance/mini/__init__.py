"""The embedded image-to-video prior: net, codec, words, weights (`prior.MiniPrior`), its data and its training."""
