// The boards that are not tested in full: two of them each run, in one host over one link each, from
// provisioning to a result. Which, the commit decides; VC_TEST_ROTATION forces it.
import { test } from "uvu";
import { missingTools } from "../../host/mcu/toolchain.js";
import { boardInFull } from "../support/platforms.js";
import { skip } from "../support/shared.js";
import { chooseSmoke, rotation } from "./rotation.js";
import { shamir, shareSecret, withDeployment } from "./scenario.js";

const { turn, from } = rotation();
const chosen = chooseSmoke(turn, boardInFull());
console.log(`NOTE: rotation ${turn}, by ${from}; VC_TEST_ROTATION takes a number, or all`);

const reason = missingTools();
if (reason) skip(chosen.length, reason);
else {
  for (const device of chosen) {
    const { board, runtimeHost, over } = device;
    const name = `${board} HOST=${runtimeHost} over ${over}`;
    console.log(`NOTE: smoke-tested: ${name}`);
    test(`${name}: it boots, is attested, and three parties share a secret`, async () => {
      await withDeployment({ ...device, ...shamir }, async (deployment) => {
        await deployment.begin();
        await shareSecret(deployment);
      });
    });
  }
}
test.run();
