// The charge point of `@voltbras/ts-ocpp`, which refuses requests that its own schemas do not allow.
import { answer, load, plugIn, plugOut, report, station, url } from "./scenario.mjs";

const { ChargePoint } = load("@voltbras/ts-ocpp");
const ocppVersion = "v1.6-json";
const point = new ChargePoint(
  station,
  ({ action, ocppVersion: _, ...payload }) => {
    if (action === "RemoteStopTransaction") setTimeout(() => plugOut(call, payload.transactionId), 50);
    return { action, ocppVersion, ...answer(action, payload) };
  },
  url,
);
async function call(action, payload) {
  const answered = await point.sendRequest({ action, ocppVersion, payload }).run();
  return answered.caseOf({
    Left: (error) => {
      report({ invalid: action, error: String(error) });
      throw error;
    },
    Right: ({ action: _, ocppVersion: __, ...rest }) => rest,
  });
}
await point.connect();
const running = await plugIn(call);
report({ running });
