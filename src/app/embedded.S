    .section .rodata
    .global holdfast_console_begin
    .global holdfast_console_end
    .balign 8
holdfast_console_begin:
    .incbin HOLDFAST_CONSOLE_BLOB
holdfast_console_end:
    .byte 0
    .global holdfast_openapi_begin
    .global holdfast_openapi_end
holdfast_openapi_begin:
    .incbin HOLDFAST_OPENAPI
holdfast_openapi_end:
    .byte 0
    .section .note.GNU-stack,"",%progbits
