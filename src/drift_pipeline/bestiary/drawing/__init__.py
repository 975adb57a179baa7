"""Drawing animals: body plans, breeds, poses, backgrounds, captions."""
