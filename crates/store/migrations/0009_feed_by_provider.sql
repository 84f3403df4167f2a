-- Feed asks for the due sends of one mailbox provider where another has enough on the belt: what may not go to one stands before
-- nobody's mail to another.
CREATE INDEX send_due_provider ON send (activation_id, provider, due_at, send_id) WHERE state = 'due';
