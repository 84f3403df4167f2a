SELECT content, content_type FROM asset WHERE hash = $1
