-- SPDX-FileCopyrightText: The certauto authors
-- SPDX-License-Identifier: MIT
-- An example of a publish hook, to copy: a folder for each generation, and a link to the one in use.
--
-- It works as it is. With this in certauto.ini
--
--   [profile example]
--   hook = example
--   folder = /srv/tls
--   reload = systemctl reload nginx
--
-- the certificate www of generation 7 stands in /srv/tls/www-7, and /srv/tls/www is a link to it. Services are pointed
-- at /srv/tls/www/fullchain.pem and /srv/tls/www/key.pem. Key and certificate are switched at the same instant.
-- certauto-hooks(7) describes everything that is used here.

local exec = require "certauto.exec"
local fs = require "certauto.fs"
local x509 = require "certauto.x509"

local function link_of(bundle)
  return bundle.options.folder .. "/" .. bundle.name
end

-- Where the link leads: relative, so that the folder may be moved as a whole.
local function target_of(bundle)
  return ("%s-%d"):format(bundle.name, bundle.generation)
end

-- Stages: nothing that is in use is touched.
local function stage(bundle)
  local folder = bundle.options.folder .. "/" .. target_of(bundle)
  local done, message = fs.mkdir(folder, { mode = "0755" })
  if not done then
    return nil, message
  end
  local attributes = { mode = "0600", owner = bundle.options.owner }
  done, message = fs.write(folder .. "/key.pem", bundle.key, attributes)
  if not done then
    return nil, message
  end
  return fs.write(folder .. "/fullchain.pem", bundle.fullchain, { mode = "0644" })
end

local function reload(options)
  if not options.reload then
    return true
  end
  local result, message = exec.run(options.reload)
  if not result then
    return nil, message
  elseif result.status ~= 0 then
    return nil, ("reload ended with %d: %s"):format(result.status, result.err)
  end
  return true
end

local function publish(bundle)
  local done, message = stage(bundle)
  if not done then
    return nil, message
  end
  -- Switches: one rename, so that every reader sees the old or the new.
  done, message = fs.link(target_of(bundle), link_of(bundle))
  if not done then
    return nil, message
  end
  -- When this fails the engine calls rollback; it need not be undone here.
  return reload(bundle.options)
end

-- Looks at the target with its own eyes. "fingerprint" says which certificate should be there.
local function verify(bundle)
  local pem, message = fs.read(link_of(bundle) .. "/fullchain.pem")
  if not pem then
    return nil, message
  end
  local facts, why = x509.read(pem)
  if not facts then
    return nil, why
  elseif facts.fingerprint ~= bundle.fingerprint then
    return nil, "another certificate is in use: " .. facts.fingerprint
  end
  return true
end

-- "previous" is the bundle that was published before, nil if there was none; "bundle" the one that failed.
local function rollback(previous, bundle)
  if previous then
    return publish(previous)
  end
  local folder = bundle.options.folder .. "/" .. target_of(bundle)
  -- The link goes only when it is ours: this function is also called when publish failed before the switch.
  if fs.readlink(link_of(bundle)) == target_of(bundle) then
    local done, message = fs.remove(link_of(bundle))
    if not done then
      return nil, message
    end
  end
  for _, name in ipairs { "key.pem", "fullchain.pem" } do
    if fs.exists(folder .. "/" .. name) then
      local done, message = fs.remove(folder .. "/" .. name)
      if not done then
        return nil, message
      end
    end
  end
  return reload(bundle.options)
end

return {
  api = 1,
  doc = "Keeps a folder for each generation and a link to the one in use (an example to copy).",
  options = {
    { name = "folder", type = "path", required = true, doc = "Folder in which folders and links are made." },
    { name = "owner", type = "string", doc = "Owner of the key, a name or a number." },
    { name = "reload", type = "command", doc = "Command to run after the switch." },
  },
  publish = publish,
  verify = verify,
  rollback = rollback,
}
