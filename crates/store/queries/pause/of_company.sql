SELECT DISTINCT package_id, version_id FROM activation WHERE company_id = $1
