SELECT content FROM package_blob WHERE hash = $1
