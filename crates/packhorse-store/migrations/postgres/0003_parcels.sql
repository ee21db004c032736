-- Who carries the device back, once it was handed over.
ALTER TABLE jobs ADD COLUMN IF NOT EXISTS carrier TEXT;
ALTER TABLE jobs ADD COLUMN IF NOT EXISTS tracking_number TEXT;
