"""Finds objects in pictures: NanoDet, trained on COCO, as a queued service."""
