-- One holder's, or everybody's where $2 is empty.
DELETE FROM pause WHERE subject = $1 AND ($2 = '' OR holder = $2)
