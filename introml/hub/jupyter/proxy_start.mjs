// Loaded before configurable-http-proxy (`node --import`): where it listens, and whom it lets pass.

import net from "node:net";
import ConfigurableProxy from "../../../node_modules/configurable-http-proxy/lib/configproxy.js";

// The public address is listened at by the program that started the hub, so that it is nobody
// else's while this proxy is away.
const listener = Number(process.env.INTROML_LISTENER ?? 0);
if (listener) {
  const listen = net.Server.prototype.listen;
  net.Server.prototype.listen = function (...where) {
    return listen.apply(this, typeof where[0] === "number" ? [{ fd: listener }] : where);
  };
}

// Where all students' servers have the hub's own host name, what a student's server shows can do
// whatever the reader's browser can. So only the browser of someone who is signed in as that student
// gets there; all others meet the hub, as if that server did not run. A program that shows a token
// is no browser: no page can be opened with that header.
const signedInAs = "introml-signed-in-as";

function mayPass(request, user) {
  if (request.headers.authorization) return true;
  return (request.headers.cookie ?? "")
    .split(";")
    .some((one) => one.trim() === `${signedInAs}=${encodeURIComponent(user)}`);
}

if (!process.argv.includes("--host-routing")) {
  const targetForReq = ConfigurableProxy.prototype.targetForReq;
  ConfigurableProxy.prototype.targetForReq = async function (request) {
    const match = await targetForReq.call(this, request);
    const user = match && (await this._routes.get(match.prefix))?.user;
    if (user === undefined || mayPass(request, user)) return match;
    const hub = await this._routes.get("/");
    return hub && { prefix: "/", target: hub.target };
  };
}
