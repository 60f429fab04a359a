import { Duplex } from "node:stream";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { encodeMessage, frame, type Message, Status } from "../../host/transport-protocol/index.js";
import { RequestChannel } from "../../host/veracruz-client/request-channel.js";

const outcome = (status: Status, text = ""): Message<"outcome"> => ({
  type: "outcome",
  status,
  returnCode: 0,
  text,
});

test("each request has its own response, though the one before may be the same or nearly so", async () => {
  const stream = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
  const channel = new RequestChannel(stream);
  const good = outcome(Status.SUCCESS);
  const long = "x".repeat(256);
  const responses = [
    good,
    good,
    outcome(Status.SUCCESS, "all is there"),
    outcome(Status.FAILED_NOT_READY),
    good,
    outcome(Status.SUCCESS, long),
    outcome(Status.SUCCESS, `${long.slice(1)}y`),
  ];
  const asked = responses.map(() => channel.send({ type: "requestPolicyHash" }));
  const bytes = Buffer.concat(responses.map((each) => frame(encodeMessage(each))));
  // What came is written over afterwards: nothing that is kept may look into it.
  for (const cut of [bytes.subarray(0, 40), bytes.subarray(40)]) {
    const chunk = Buffer.from(cut);
    stream.push(chunk);
    await new Promise((resolve) => setImmediate(resolve));
    chunk.fill(0xff);
  }
  assert.equal(await Promise.all(asked), responses);
});

test.run();
