// The audit stays as it was loaded: what is looked for is in its address.
