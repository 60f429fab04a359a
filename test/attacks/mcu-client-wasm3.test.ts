// An attack on an emulated microcontroller that takes part, its client's module interpreted.
import { attackClient } from "./old-certificate.js";

await attackClient("wasm3");
