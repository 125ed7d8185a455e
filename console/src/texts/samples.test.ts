import { expect, it } from "vitest";
import { samplesOf } from "./samples";

it("without an incident every field shows its name", () => expect(samplesOf(["service", "phase_number"], false)).toEqual({ service: "[service]", phase_number: "[phase number]" }));
it("with one only those it does not fill", () => expect(samplesOf(["service", "phase_number"], true)).toEqual({ phase_number: "[phase number]" }));
