import fc from "fast-check";
import { SCALE } from "./dice.ts";

// The same values in every run of `npm test`, so that whoever changes something else does not meet a new one by chance;
// other values in each soak, which is there to meet them.
if (SCALE === 1) fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: 20_261_122 });

export { fc };
