SELECT version_id FROM package_version WHERE state = 'recalled'
