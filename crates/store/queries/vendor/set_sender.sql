UPDATE vendor SET sender = $2 WHERE vendor_id = $1
