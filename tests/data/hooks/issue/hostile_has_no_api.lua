-- expect: api is not 1
return { doc = "Hostile." }
