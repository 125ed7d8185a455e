// Who is signed in. Asked once at the start; a 401 anywhere brings the sign-in page back.
import { createContext, useCallback, useContext, useEffect, useMemo, useState } from "react";
import type { ReactNode } from "react";
import { ApiError, get, onSignedOut, post, remove } from "../api/client";
import type { Session } from "../api/types";
import { Failed, Loading } from "../ui/pieces";
import { SignInPage } from "./SignInPage";

interface SessionValue {
  session: Session;
  signOut: () => Promise<void>;
}
export interface Credentials {
  token?: string;
  user?: string;
  password?: string;
}
const SessionContext = createContext<SessionValue | null>(null);

const kAskAgainMs = 3_000;

export function SessionProvider({ children }: { children: ReactNode }) {
  const [session, setSession] = useState<Session | null>(null);
  const [error, setError] = useState<ApiError | null>(null);

  const ask = useCallback(async () => {
    try {
      setSession(await get<Session>("/session"));
      setError(null);
    } catch (problem) {
      setError(problem as ApiError);
    }
  }, []);
  const signIn = useCallback(
    async (credentials: Credentials) => {
      await post("/session", credentials);
      await ask();
    },
    [ask],
  );
  const signOut = useCallback(async () => {
    await remove("/session");
    await ask();
  }, [ask]);

  useEffect(() => {
    onSignedOut(() => setSession((before) => before && { ...before, signed_in: false }));
    void ask();
  }, [ask]);
  useEffect(() => {
    if (!error || session) return;
    const timer = setTimeout(() => void ask(), kAskAgainMs); // a server still starting is waited for
    return () => clearTimeout(timer);
  }, [error, session, ask]);

  const value = useMemo(() => session && { session, signOut }, [session, signOut]);
  if (!value) return <main className="lone">{error ? <Failed error={error} retry={() => void ask()} /> : <Loading />}</main>;
  if (value.session.auth === "on" && !value.session.signed_in) return <SignInPage signIn={signIn} provider={value.session.provider ?? ""} />;
  return <SessionContext.Provider value={value}>{children}</SessionContext.Provider>;
}

// Whether the reader may do what takes this permission; what is not permitted is not offered.
export function useMay(permission: string): boolean {
  const { session } = useSession();
  return session.permissions === undefined || session.permissions.includes(permission);
}

export function May({ permission, children }: { permission: string; children: ReactNode }) {
  return useMay(permission) ? <>{children}</> : null;
}

export function useSession(): SessionValue {
  const value = useContext(SessionContext);
  if (!value) throw new Error("used outside SessionProvider");
  return value;
}
