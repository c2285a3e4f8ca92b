-- expect: api is not 1
return { api = 2, doc = "Hostile.", issue = function() return true end }
