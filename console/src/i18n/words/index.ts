// The words of the pages, English and Chinese side by side, by area.
import { kAccessWords } from "./access";
import { kAlertWords } from "./alerts";
import { kCommonWords } from "./common";
import { kHandlingWords } from "./handling";
import { kLearnWords } from "./learn";
import { kOnCallWords } from "./oncall";
import { kRoutingWords } from "./routing";
import { kSloWords } from "./slo";
import { kStatusWords } from "./status";
import { kTextsWords } from "./texts";

export const kPairs = {
  ...kCommonWords,
  ...kAlertWords,
  ...kRoutingWords,
  ...kOnCallWords,
  ...kHandlingWords,
  ...kLearnWords,
  ...kStatusWords,
  ...kTextsWords,
  ...kAccessWords,
  ...kSloWords,
};
