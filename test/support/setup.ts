import { afterAll, afterEach } from "vitest";
import { endLeaked, endShared } from "./server.ts";

// Loaded anew for each test file, while everything else that files share in a process is loaded once: a hook that is
// registered by loading a module would be one of the first file's alone.
afterEach(endLeaked);
afterAll(endShared);
