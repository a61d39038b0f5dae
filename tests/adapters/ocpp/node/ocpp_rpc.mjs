// The client of `ocpp-rpc`, which checks everything that passes against the schemas of the standard.
import { answer, load, password, plugIn, plugOut, report, station, url } from "./scenario.mjs";

const { RPCClient } = load("ocpp-rpc");
const client = new RPCClient({ endpoint: url, identity: station, password, protocols: ["ocpp1.6"], strictMode: true });
const call = (action, payload) => client.call(action, payload);
client.on("strictValidationFailure", ({ method, error }) => report({ invalid: method, error: String(error) }));
client.on("badMessage", ({ error }) => report({ invalid: "message", error: String(error) }));
client.handle(async ({ method, params }) => {
  if (method === "RemoteStopTransaction") setTimeout(() => plugOut(call, params.transactionId), 50);
  return answer(method, params);
});
await client.connect();
const running = await plugIn(call);
report({ running });
