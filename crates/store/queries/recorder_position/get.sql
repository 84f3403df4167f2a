SELECT position FROM recorder_position WHERE stream = $1
