-- SPDX-FileCopyrightText: The certauto authors
-- SPDX-License-Identifier: MIT
-- certauto.codec: encodings both ways, what decoders refuse, digests. The vectors are in tests/unit/codec_test.c.

local check = assert(load(assert(require "certauto.fs".read "tests/lua/check.lua"), "@check.lua"))()
local codec = require "certauto.codec"
local test, equal = check.test, check.equal

test("codec_encodes", function()
  equal(codec.base64 "\255\255\254\0", "///+AA==")
  equal(codec.base64url "\255\255\254\0", "___-AA")
  equal(codec.hex "\0\15\240\255", "000ff0ff")
  equal(codec.base64 "", "")
end)

test("codec_decodes_what_it_encodes", function()
  for length = 0, 300 do
    local bytes = {}
    for index = 1, length do
      bytes[index] = string.char((index * 37 + length) % 256)
    end
    bytes = table.concat(bytes)
    equal(codec.unbase64(codec.base64(bytes)), bytes)
    equal(codec.unbase64url(codec.base64url(bytes)), bytes)
    equal(codec.unhex(codec.hex(bytes)), bytes)
  end
  local large = ("x"):rep(3000000)
  assert(codec.unbase64(codec.base64(large)) == large)
  equal(codec.unbase64 " Zm\r\n9v\t", "foo")
end)

test("codec_decoders_fail_for_anything_else", function()
  for _, text in ipairs { "Zg", "Zg=", "Zh==", "Z-9v", "Zm9v\0", "=" } do
    check.contains(check.fails("format", codec.unbase64(text)), "not base64")
  end
  for _, text in ipairs { "Zg==", "Z+9v", "Zm 9v", "Zh", "Z" } do
    check.contains(check.fails("format", codec.unbase64url(text)), "not base64url")
  end
  for _, text in ipairs { "0", "0g", "0x", "00 " } do
    check.contains(check.fails("format", codec.unhex(text)), "not hexadecimal")
  end
end)

test("codec_digests", function()
  equal(codec.hex(codec.digest("sha1", "abc")), "a9993e364706816aba3e25717850c26c9cd0d89d")
  equal(codec.hex(codec.digest("sha256", "")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
  equal(#codec.digest("sha384", "abc"), 48)
  equal(#codec.digest("sha512", "abc"), 64)
  equal(
    codec.hex(codec.hmac("sha256", "Jefe", "what do ya want for nothing?")),
    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
  )
end)

test("codec_compares", function()
  equal(codec.equal("a\0b", "a\0b"), true)
  equal(codec.equal("a\0b", "a\0c"), false)
  equal(codec.equal("a", "ab"), false)
  equal(codec.equal("", ""), true)
end)

test("codec_misuse_raises", function()
  check.raises("bad argument", codec.base64)
  check.raises("bad argument", codec.unhex, {})
  check.raises("invalid option 'md5'", codec.digest, "md5", "")
  check.raises("bad argument", codec.hmac, "sha256", "key")
  check.raises("bad argument", codec.equal, "a")
end)

return check.status()
