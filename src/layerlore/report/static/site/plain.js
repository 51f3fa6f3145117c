// Pages of classes and concepts work without scripts; this only says that they are ready.
root.dataset.ready = "true";
