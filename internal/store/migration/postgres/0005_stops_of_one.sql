-- Whose writing is stopped: one organization's, or '' for everybody's.
ALTER TABLE stops ADD COLUMN tenant TEXT NOT NULL DEFAULT '';
DROP INDEX stops_in_force;
CREATE UNIQUE INDEX stops_in_force ON stops (tenant) WHERE until = 0;
