"""Models that were fitted elsewhere, in files of skops, ONNX, XGBoost and LightGBM."""
