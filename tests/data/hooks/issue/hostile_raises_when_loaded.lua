-- expect: in the file
error("in the file")
