-- Who carries the device back, once it was handed over.
ALTER TABLE jobs ADD COLUMN carrier TEXT;
ALTER TABLE jobs ADD COLUMN tracking_number TEXT;
