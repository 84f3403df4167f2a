SELECT sender FROM vendor WHERE vendor_id = $1
