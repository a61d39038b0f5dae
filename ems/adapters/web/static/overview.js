// Keeps the overview up to date.
import { keepFresh } from "./station-ask.js";

keepFresh(2_000);
