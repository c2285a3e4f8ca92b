-- expect: near
return {{{ api = 1
