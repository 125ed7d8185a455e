    .section .rodata
    .global holdfast_console_begin
    .global holdfast_console_end
    .balign 8
holdfast_console_begin:
    .incbin HOLDFAST_CONSOLE_BLOB
holdfast_console_end:
    .byte 0
    .section .note.GNU-stack,"",%progbits
