// An attack on an emulated microcontroller that takes part, its client's module compiled.
import { attackClient } from "./old-certificate.js";

await attackClient("c");
